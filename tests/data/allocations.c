/* Counts what a program allocates, whatever language asks for it: preloaded, it says how much there was
 * until now on standard error at each SIGUSR1. Threads whose name is that of ALLOCATIONS_EXCEPT do not
 * count. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What dlsym itself asks for while the real functions are looked up. */
static char early[65536];
static size_t early_used;

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static int (*real_memalign)(void **, size_t, size_t);
static unsigned long allocations;
static const char *except;

static void find(void)
{
	real_malloc = dlsym(RTLD_NEXT, "malloc");
	real_realloc = dlsym(RTLD_NEXT, "realloc");
	real_memalign = dlsym(RTLD_NEXT, "posix_memalign");
	real_calloc = dlsym(RTLD_NEXT, "calloc");
}

static void count(void)
{
	char name[16] = "";
	if (except && pthread_getname_np(pthread_self(), name, sizeof name) == 0 && strcmp(name, except) == 0)
		return;
	__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size)
{
	if (!real_malloc)
		find();
	count();
	return real_malloc(size);
}

void *calloc(size_t number, size_t size)
{
	if (!real_calloc) {
		size_t bytes = (number * size + 15) & ~(size_t)15;
		if (early_used + bytes > sizeof early)
			abort();
		early_used += bytes;
		return early + early_used - bytes;
	}
	count();
	return real_calloc(number, size);
}

void *realloc(void *old, size_t size)
{
	if (!real_realloc)
		find();
	count();
	return real_realloc(old, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
	if (!real_memalign)
		find();
	count();
	return real_memalign(memory, alignment, size);
}

static void say(int signal)
{
	char line[64];
	int length = snprintf(line, sizeof line, "allocations %lu\n", allocations);
	(void)signal;
	if (write(2, line, length) < 0)
		abort();
}

__attribute__((constructor)) static void begin(void)
{
	find();
	except = getenv("ALLOCATIONS_EXCEPT");
	signal(SIGUSR1, say);
}
