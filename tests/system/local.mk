# The built daemon over sockets: pytest.

CHECKS_ALONE += tests/system/run
EXTRA_DIST += \
	tests/system/run tests/system/conftest.py tests/system/weirlib.py \
	tests/system/test_10_boot.py tests/system/test_20_http.py tests/system/test_21_cases.py \
	tests/system/test_25_routes.py tests/system/test_26_rules.py tests/system/test_28_static.py \
	tests/system/test_29_disk.py tests/system/test_30_tokens.py \
	tests/system/test_32_shares.py tests/system/test_35_stream.py tests/system/test_36_gzip.py \
	tests/system/test_37_multipart.py tests/system/test_40_modules.py tests/system/test_42_background.py \
	tests/system/test_45_errors.py tests/system/test_50_stop.py tests/system/test_55_reload.py \
	tests/system/test_60_hostile.py tests/system/test_62_edge.py \
	tests/system/test_64_memory.py tests/system/test_65_harms.py \
	tests/system/test_70_logs.py tests/system/test_70_notes.py tests/system/test_72_crash.py tests/system/test_75_control.py tests/system/test_77_systemd.py tests/system/test_80_load.py
EXTRA_DIST += tests/system/systemd/run tests/system/systemd/inside.py
