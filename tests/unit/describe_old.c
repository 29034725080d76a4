/*
 * A module for test_describe: of another ABI, and nothing else.
 *
 * Thread: none; it is read, never loaded.
 */
#include <weir/module.h>

WEIR_EXPORT extern const struct weir_module weir_module;
const struct weir_module weir_module = {
	.magic = WEIR_MODULE_MAGIC,
	.abi_major = 99,
};
