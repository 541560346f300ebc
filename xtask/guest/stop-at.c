/*
 * Runs a program and kills it at a moment that is counted by what it writes:
 *
 *     stop-at N before|after LOG PROGRAM WORDS...
 *
 * A moment is a write to a file below /sys or /var, or a new name for a file. The N-th is the last: the program is
 * killed before the kernel makes it, or when the kernel has made it and before the program knows. Each moment is a line
 * of LOG. When the program was killed at its moment, and has ended, the last line says so.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACED(number) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)

/* Has the kernel stop whoever makes one of these calls. */
static void watch(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		TRACED(SYS_write),
		TRACED(SYS_pwrite64),
		TRACED(SYS_rename),
		TRACED(SYS_renameat),
		TRACED(SYS_renameat2),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(rules) / sizeof(rules[0]), .filter = rules };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("stop-at: seccomp");
		_exit(2);
	}
}

/* Whether the call that a thread is about to make is a moment, with its name. */
static int is_moment(pid_t thread, char *what, size_t size)
{
	struct user_regs_struct registers;
	char link[64], file[PATH_MAX] = "";

	if (ptrace(PTRACE_GETREGS, thread, NULL, &registers))
		return 0;
	if (registers.orig_rax != SYS_write && registers.orig_rax != SYS_pwrite64) {
		snprintf(what, size, "rename");
		return 1;
	}
	snprintf(link, sizeof(link), "/proc/%d/fd/%llu", thread, registers.rdi);
	if (readlink(link, file, sizeof(file) - 1) < 0)
		return 0;
	snprintf(what, size, "write %s", file);
	return !strncmp(file, "/sys/", 5) || !strncmp(file, "/var/", 5);
}

/* Lets one thread end the call that it is about to make. */
static void finish_call(pid_t thread)
{
	int status;

	if (ptrace(PTRACE_SYSCALL, thread, NULL, NULL))
		return;
	waitpid(thread, &status, __WALL);
}

int main(int count, char **words)
{
	long left = count > 4 ? atol(words[1]) : 0;
	FILE *log = count > 4 ? fopen(words[3], "w") : NULL;
	int after, status, stopped = 0;
	char what[PATH_MAX + 16];
	pid_t program, thread;

	if (!log)
		return 2;
	setvbuf(log, NULL, _IOLBF, 0);
	after = !strcmp(words[2], "after");
	program = fork();
	if (!program) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		fclose(log);
		watch();
		execvp(words[4], words + 4);
		_exit(127);
	}
	waitpid(program, &status, 0);
	ptrace(PTRACE_SETOPTIONS, program, NULL,
	       PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL);
	ptrace(PTRACE_CONT, program, NULL, NULL);
	while ((thread = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		int signal = 0;

		if (thread == program && (WIFEXITED(status) || WIFSIGNALED(status))) {
			if (stopped)
				fprintf(log, "killed\n");
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		if (!WIFSTOPPED(status))
			continue;
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
			if (!stopped && is_moment(thread, what, sizeof(what))) {
				fprintf(log, "%s\n", what);
				if (--left == 0) {
					stopped = 1;
					if (after)
						finish_call(thread);
					kill(program, SIGKILL);
					continue;
				}
			}
		} else if (!(status >> 16) && WSTOPSIG(status) != SIGSTOP && WSTOPSIG(status) != SIGTRAP) {
			signal = WSTOPSIG(status);
		}
		ptrace(PTRACE_CONT, thread, NULL, signal);
	}
	return 2;
}
