# Manual pages. The options of weir.ini(5) are man/options.mdoc, which
# `weir --options=man` writes; weir-module(7) shows the text of hello.c.
nodist_man_MANS = man/weir.8 man/weir.ini.5 man/weir-module.7 man/weirctl.8

man/weir.8: man/weir.8.in Makefile
	$(AM_V_at)$(MKDIR_P) man
	$(AM_V_GEN)$(SUBST) $(srcdir)/man/weir.8.in > $@.tmp && mv $@.tmp $@

man/weirctl.8: man/weirctl.8.in Makefile
	$(AM_V_at)$(MKDIR_P) man
	$(AM_V_GEN)$(SUBST) $(srcdir)/man/weirctl.8.in > $@.tmp && mv $@.tmp $@

man/weir.ini.5: man/weir.ini.5.in man/options.mdoc Makefile
	$(AM_V_at)$(MKDIR_P) man
	$(AM_V_GEN)$(SED) -e '/^@OPTIONS@$$/{r $(srcdir)/man/options.mdoc' -e 'd' -e '}' \
		$(srcdir)/man/weir.ini.5.in | $(SUBST) > $@.tmp && mv $@.tmp $@

# In a manual a backslash is written \e, and marks for clang-format mean nothing.
man/weir-module.7: man/weir-module.7.in src/modules/hello/hello.c Makefile
	$(AM_V_at)$(MKDIR_P) man
	$(AM_V_GEN)$(SED) -e '/clang-format o/d' -e 's/\\/\\e/g' \
		$(srcdir)/src/modules/hello/hello.c > $@.hello && \
		$(SED) -e "/^@HELLO@\$$/{r $@.hello" -e 'd' -e '}' \
		$(srcdir)/man/weir-module.7.in | $(SUBST) > $@.tmp && mv $@.tmp $@ && \
		rm -f $@.hello

EXTRA_DIST += man/weir.8.in man/weirctl.8.in man/weir.ini.5.in man/weir-module.7.in man/options.mdoc
CLEANFILES += $(nodist_man_MANS)
