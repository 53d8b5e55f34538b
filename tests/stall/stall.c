/* Preloaded into a program, it lets a disk fall silent: a call that opens a file never comes
 * back, though the file is listed.
 *
 * STALL_AT   a part of the paths that this is about
 * STALL_MARK a file that is made when the first such call is made
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void stall(const char *path) {
    const char *part = getenv("STALL_AT"), *mark = getenv("STALL_MARK");
    if (!path || !part || !mark || !strstr(path, part)) return;
    syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, mark, O_CREAT | O_WRONLY, 0600));
    for (;;) pause();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static mode_t mode_of(int flags, va_list rest) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    stall(path);
    return REAL(open64)(path, flags, mode);
}
