/* Preloaded into a program, it stops that program at its k-th step: a call that changes a file.
 *
 * CRASH_UNDER   folders, separated by ':'; calls on anything else are no steps
 * CRASH_EXCEPT  parts of paths, separated by ':', that are no steps either
 * CRASH_AT      k, from 1
 * CRASH_HOW     kill: SIGKILL before the step
 *               torn: SIGKILL in the middle of it; only calls that write bytes are steps
 *               eio: this step and all after it fail with that error
 *               enospc: likewise, but only calls that need space are steps
 * CRASH_MARK    a file that is made when the step is reached
 *
 * A program that is killed leaves what its calls so far have done, and nothing else: so stopping at
 * every step meets every state that SIGKILL can leave behind.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long steps;
static atomic_int is_marked;

/* Whether one of the parts of `list` is in `path`, at its beginning or anywhere. */
static int matches(const char *list, const char *path, int at_start) {
    while (list && *list) {
        size_t length = strcspn(list, ":");
        char part[PATH_MAX];
        if (length > 0 && length < sizeof part) {
            memcpy(part, list, length);
            part[length] = 0;
            const char *found = strstr(path, part);
            if (found && (!at_start || found == path)) return 1;
        }
        list += length;
        list += *list == ':';
    }
    return 0;
}

static int is_counted(const char *path) {
    return path && matches(getenv("CRASH_UNDER"), path, 1) &&
           !matches(getenv("CRASH_EXCEPT"), path, 0);
}

static int fd_is_counted(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_counted(path);
}

static _Noreturn void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* What a call may need: bytes of its own, a name at least, or nothing more. */
enum need { BYTES, NAME, NOTHING };

enum verdict { PASS, TEAR, FAIL };

/* What is to become of a call; does not return where the program ends before it. */
static enum verdict step(enum need need) {
    const char *at = getenv("CRASH_AT");
    const char *how = getenv("CRASH_HOW");
    if (!at || !how) return PASS;
    int torn = !strcmp(how, "torn"), full = !strcmp(how, "enospc");
    if ((torn && need != BYTES) || (full && need == NOTHING)) return PASS;
    long number = ++steps, chosen = atol(at);
    if (number < chosen) return PASS;
    if (number == chosen) {
        const char *mark = getenv("CRASH_MARK");
        if (mark) syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, mark, O_CREAT | O_WRONLY, 0600));
        is_marked = 1;
    }
    /* Another thread's next call may be here already: it must not end the program unmarked. */
    while (!is_marked) sched_yield();
    if (torn) return TEAR;
    if (full || !strcmp(how, "eio")) {
        errno = full ? ENOSPC : EIO;
        return FAIL;
    }
    die();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Where a call is a step if `counted`, and fails as a whole. */
#define STEP(counted, need)                                                                        \
    if ((counted) && step(need) != PASS) return -1

/* Where a call writes bytes to `fd`; `half` writes the first of them only. */
#define WRITE(half)                                                                                \
    if (fd_is_counted(fd)) switch (step(BYTES)) {                                                  \
        case PASS: break;                                                                          \
        case FAIL: return -1;                                                                      \
        case TEAR: (void)!half; die();                                                             \
        }

ssize_t write(int fd, const void *bytes, size_t count) {
    WRITE(REAL(write)(fd, bytes, count / 2));
    return REAL(write)(fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    WRITE(REAL(pwrite64)(fd, bytes, count / 2, offset));
    return REAL(pwrite64)(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return pwrite64(fd, bytes, count, offset);
}

ssize_t copy_file_range(int from, off64_t *from_at, int fd, off64_t *to_at, size_t length,
                        unsigned flags) {
    WRITE(REAL(copy_file_range)(from, from_at, fd, to_at, 1, flags));
    return REAL(copy_file_range)(from, from_at, fd, to_at, length, flags);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    STEP(fd_is_counted(fd), NAME);
    return REAL(writev)(fd, parts, count);
}

int ftruncate64(int fd, off64_t length) {
    STEP(fd_is_counted(fd), NOTHING);
    return REAL(ftruncate64)(fd, length);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fsync(int fd) {
    STEP(fd_is_counted(fd), NOTHING);
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    STEP(fd_is_counted(fd), NOTHING);
    return REAL(fdatasync)(fd);
}

/* Opening is a step where it may make a file. */
int open64(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
        STEP(is_counted(path) && access(path, F_OK) != 0, NAME);
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
    }
    return open64(path, flags, mode);
}

int rename(const char *from, const char *to) {
    STEP(is_counted(to), NOTHING);
    return REAL(rename)(from, to);
}

int link(const char *from, const char *to) {
    STEP(is_counted(to), NAME);
    return REAL(link)(from, to);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    STEP(is_counted(to), NAME);
    return REAL(linkat)(from_dir, from, to_dir, to, flags);
}

int unlink(const char *path) {
    STEP(is_counted(path), NOTHING);
    return REAL(unlink)(path);
}

int unlinkat(int dir, const char *path, int flags) {
    STEP(fd_is_counted(dir), NOTHING);
    return REAL(unlinkat)(dir, path, flags);
}

int mkdir(const char *path, mode_t mode) {
    STEP(is_counted(path) && access(path, F_OK) != 0, NAME);
    return REAL(mkdir)(path, mode);
}

int rmdir(const char *path) {
    STEP(is_counted(path), NOTHING);
    return REAL(rmdir)(path);
}
