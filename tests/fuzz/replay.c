/*
 * Feeds files, or all files of folders, to a fuzz driver: each input ends where
 * a page that must not be touched begins.
 *
 * Thread: one.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Noreturn void fail(const char *path)
{
	perror(path);
	exit(1);
}

static void replay_file(const char *path, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (size + page - 1) / page * page;
	uint8_t *map =
		mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect(map + room, page, PROT_NONE) < 0)
		fail(path);
	uint8_t *data = map + room - size;
	FILE *f = fopen(path, "rb");
	if (!f || fread(data, 1, size, f) != size)
		fail(path);
	fclose(f);
	(void)LLVMFuzzerTestOneInput(data, size);
	munmap(map, room + page);
}

/* How many files it was. */
static int replay(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		fail(path);
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path, (size_t)st.st_size);
		return 1;
	}
	int count = 0;
	DIR *dir = opendir(path);
	if (!dir)
		fail(path);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		char below[4096];
		if (e->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, e->d_name);
		count += replay(below);
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;
	for (int i = 1; i < argc; i++)
		count += replay(argv[i]);
	printf("%d inputs\n", count);
	return count == 0;
}
