/* Preloaded, it makes a program take its processor for one without instructions for AES and SHA, as a Pi 3 and a Pi 4
 * have: whoever asks the kernel which there are (getauxval(3), AT_HWCAP) is told of none. */
#define _GNU_SOURCE
#include <asm/hwcap.h>
#include <dlfcn.h>
#include <elf.h>
#include <stddef.h>

unsigned long getauxval(unsigned long type)
{
	static unsigned long (*real)(unsigned long);
	unsigned long value;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "getauxval");
	value = real(type);
	return type == AT_HWCAP ? value & ~(unsigned long)(HWCAP_AES | HWCAP_PMULL | HWCAP_SHA1 | HWCAP_SHA2) : value;
}
