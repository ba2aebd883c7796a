/* Counts the instructions of a program that qemu runs: a plugin of its translator (QEMU, "TCG plugins").
 *
 *     qemu-aarch64 -plugin libcount.so PROGRAM    "Collected : N" on standard error at the end, as callgrind says it
 *
 * What is used of the interface is declared here, since Debian has no package with its header: version 1 of it, of
 * qemu 4.2 to 10. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, enum qemu_plugin_op, void *, uint64_t);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);

EXPORT int qemu_plugin_version = 1;

static uint64_t instructions;

static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &instructions,
						 qemu_plugin_tb_n_insns(block));
}

static void ended(plugin_id id, void *unused)
{
	(void)id;
	(void)unused;
	fprintf(stderr, "Collected : %" PRIu64 "\n", instructions);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments)
{
	(void)info;
	(void)count;
	(void)arguments;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
