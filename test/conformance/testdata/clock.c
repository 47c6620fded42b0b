/*
 * Loaded before a program (LD_PRELOAD), moves the clock that it reads: the
 * file CLOCK_AHEAD holds the seconds, an int64 of this machine, and may change
 * at any time. libfaketime would do the same, but hangs in programs that use
 * jemalloc, as named does. Monotonic time, and with it timers, stays as it is.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead;

__attribute__((constructor)) static void open_clock(void)
{
	int fd = open(getenv("CLOCK_AHEAD"), O_RDONLY);
	void *file = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, fd, 0);

	if (file == MAP_FAILED)
		abort();
	ahead = file;
	close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int failed = syscall(SYS_clock_gettime, clock, now);

	if (!failed && ahead && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += *ahead;
	return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	now->tv_sec = t.tv_sec;
	now->tv_usec = t.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *now)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (now)
		*now = t.tv_sec;
	return t.tv_sec;
}
