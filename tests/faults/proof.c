/* SPDX-License-Identifier: MIT */
/*
 * proof -- shows that faults are injected and that what they break is found:
 * a program that does not stand the failure of its second allocation.
 */
#include <stdlib.h>
#include <string.h>

int
main(int argc, char **argv)
{
	char *first = malloc(10), *second;
	int i;

	if (argc < 2 || first == NULL)
		return (2);
	second = malloc(10);
	if (second == NULL && strcmp(argv[1], "leak") == 0) {
		/* Some: the last one may still be in a register. */
		for (i = 0; i < 100; i++)
			first = malloc(10);
		return (first == NULL);
	}
	if (second == NULL && strcmp(argv[1], "overflow") == 0)
		memset(first, 0, strlen(argv[1]) + 3);
	free(second);
	free(first);
	return (0);
}
