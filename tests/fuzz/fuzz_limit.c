/*
 * Arbitrary operations on a limiter, two bytes each; tests/fuzz/limit_model.h
 * checks every promise of work/limit.h after each of them.
 *
 * Thread: one.
 */
#include "limit_model.h"

#include <stddef.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct limit_model m;
	model_init(&m, data[0] % 16, data[1] % 32);
	for (size_t i = 2; i + 1 < size; i += 2)
		model_step(&m, data[i], data[i + 1]);
	return 0;
}
