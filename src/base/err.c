/*
 * Texts of error numbers, ours and the operating system's.
 *
 * Thread: any.
 */
#include "base/err.h"

#include <string.h>

#define ERR_TEXT(name, text) [ERR_INDEX_##name] = text,
static const char *const texts[] = { WEIR_ERRORS(ERR_TEXT) };
#undef ERR_TEXT

const char *err_text(int err)
{
	if (err == 0)
		return "no error";
	if (err <= WEIR_ERR_BASE && err > WEIR_ERR_BASE - (int)ERR_COUNT)
		return texts[WEIR_ERR_BASE - err];
	const char *text = err < 0 ? strerrordesc_np(-err) : NULL;
	return text ? text : "unknown error";
}
