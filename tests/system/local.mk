# The built daemon over sockets: all test_*.py, by pytest.
SYSTEM_FILES = $(wildcard $(srcdir)/tests/system/*.py)
CHECKS_ALONE += $(if $(SYSTEM_FILES),tests/system/system)
EXTRA_DIST += tests/system/system $(SYSTEM_FILES)
