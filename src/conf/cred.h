/*
 * Secrets that systemd hands over (LoadCredential=): the value "@cred:NAME" stands
 * for what is in the file NAME of $CREDENTIALS_DIRECTORY.
 *
 * Thread: boot and reload.
 */
#ifndef WEIR_CONF_CRED_H
#define WEIR_CONF_CRED_H

#include "base/arena.h"

#define CRED_MARK "@cred:"

/* The text without line ends behind it, in `a`. 0; ERR_NOMEM; ERR_SYNTAX or
 * -errno with *ret_why, which is constant or in `a`. */
must_check int cred_read(const char *name, struct arena *a, const char **ret_text,
			 const char **ret_why);

#endif
