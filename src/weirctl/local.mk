bin_PROGRAMS += weirctl
weirctl_SOURCES = src/weirctl/client.c src/weirctl/commands.c src/weirctl/ctl.h \
	src/weirctl/main.c src/weirctl/metrics.c src/weirctl/save.c src/weirctl/show.c src/weirctl/top.c
weirctl_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
weirctl_LDADD = $(JANSSON_LIBS)

# Written by the program itself, out of its table of commands.
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
fishcompletiondir = $(datadir)/fish/vendor_completions.d
nodist_bashcompletion_DATA = src/weirctl/weirctl
nodist_zshcompletion_DATA = src/weirctl/_weirctl
nodist_fishcompletion_DATA = src/weirctl/weirctl.fish
src/weirctl/weirctl: weirctl$(EXEEXT)
	$(AM_V_GEN)./weirctl completion bash > $@.tmp && mv $@.tmp $@
src/weirctl/_weirctl: weirctl$(EXEEXT)
	$(AM_V_GEN)./weirctl completion zsh > $@.tmp && mv $@.tmp $@
src/weirctl/weirctl.fish: weirctl$(EXEEXT)
	$(AM_V_GEN)./weirctl completion fish > $@.tmp && mv $@.tmp $@
CLEANFILES += $(nodist_bashcompletion_DATA) $(nodist_zshcompletion_DATA) \
	$(nodist_fishcompletion_DATA)
