"""What a process that decodes strangers' files takes from itself before it looks at one: Linux, by system call.

Three walls, each as far as the kernel has it: limits (setrlimit), a filter of system calls (seccomp-bpf) and rules for
the file system (Landlock). None needs privileges and none can be taken back.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_THREAD = 0x1000_0000, 0x4000_0000, 0x1_0000
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_O_PATH = getattr(os, "O_PATH", 0)

# Numbers of linux/audit.h and of each architecture's unistd.h.
_ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_DENIED_EVERYWHERE = "io_uring_setup 425 pidfd_open 434 pidfd_getfd 438 pidfd_send_signal 424"
_DENIED = {
    "x86_64": "fork 57 vfork 58 execve 59 execveat 322 socket 41 socketpair 53 ptrace 101 process_vm_readv 310 "
    "process_vm_writev 311 mount 165 umount2 166 pivot_root 155 chroot 161 unshare 272 setns 308 bpf 321 "
    "perf_event_open 298 keyctl 250 add_key 248 request_key 249 userfaultfd 323 open_by_handle_at 304 kill 62 "
    "tkill 200 symlink 88 symlinkat 266 link 86 linkat 265 mknod 133 mknodat 259 kexec_load 246 init_module 175 "
    "finit_module 313 chmod 90 fchmodat 268",
    "aarch64": "execve 221 execveat 281 socket 198 socketpair 199 ptrace 117 process_vm_readv 270 "
    "process_vm_writev 271 mount 40 umount2 39 pivot_root 41 chroot 51 unshare 97 setns 268 bpf 280 "
    "perf_event_open 241 keyctl 219 add_key 217 request_key 218 userfaultfd 282 open_by_handle_at 265 kill 129 "
    "tkill 130 symlinkat 36 linkat 37 mknodat 33 kexec_load 104 init_module 105 finit_module 273 fchmodat 53",
}
_X32 = 0x4000_0000
"""System calls of x86-64's other numbering begin here; nobody of ours makes one."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF_0000, 0x8000_0000, 0x0005_0000

_EXECUTE, _WRITE, _READ, _READ_DIR, _REMOVE_FILE, _MAKE_FILE, _TRUNCATE = 1, 2, 4, 8, 32, 256, 1 << 14


def libc() -> ctypes.CDLL:
    """Return the C library, with `ctypes.get_errno` behind it."""
    return ctypes.CDLL(None, use_errno=True)


def no_new_privileges() -> None:
    """Whatever this process starts from here on gains no rights by being set-uid."""
    libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def leave_network() -> None:
    """Where the kernel lets anybody: a network of its own, in which there is nothing."""
    libc().unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def limit(memory: int, cpu: int, file: int, files: int) -> None:
    """Bytes of address space, seconds of processor, bytes in one written file, open files."""
    for what, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, file),
        (resource.RLIMIT_NOFILE, files),
    ):
        hard = resource.getrlimit(what)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def filter_calls() -> bool:
    """No new process or program, no socket, no signal to others, no link and no device file: EPERM from here on.

    False where the kernel or the architecture has no such filter. Call it before a second thread begins.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _ARCHITECTURES:
        return False
    denied = sorted(int(number) for number in f"{_DENIED[machine]} {_DENIED_EVERYWHERE}".split()[1::2])
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _ARCHITECTURES[machine]), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    # From each test it is so many instructions to the refusal, which stands last.
    tail = [
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),  # its flags lie in memory; libraries fall back to clone
        (_EQUAL, 0, 2, _CLONE[machine]),
        (_LOAD, 0, 0, 16),
        (_ANY_BIT, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
    ]
    program.append((_AT_LEAST, len(denied) + len(tail) - 1, 0, _X32))
    program += [(_EQUAL, len(denied) - at + len(tail) - 2, 0, number) for at, number in enumerate(denied)]
    program += tail
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    whole = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(buffer)))
    done: int = libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, whole, 0, 0)
    return done == 0


def landlock_version() -> int:
    """Return which version of Landlock this kernel has, 0 for none."""
    if sys.platform != "linux":
        return 0
    found: int = libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    return max(0, found)


def allow_paths(reads: Iterable[Path], writes: Iterable[Path]) -> bool:
    """From here on only what lies under `reads` opens, and new files appear under `writes` alone.

    False without Landlock. With newer kernels also: no TCP, no signals to processes outside, no abstract sockets.
    """
    version = landlock_version()
    if not version:
        return False
    handled = (1 << 13) - 1 | (1 << 13 if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    attributes = struct.pack("=QQQ", handled, 3, 3)[: 8 if version < 4 else 16 if version < 6 else 24]
    kernel = libc()
    ruleset: int = kernel.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        write = _WRITE | _READ | _READ_DIR | _REMOVE_FILE | _MAKE_FILE | (handled & _TRUNCATE)
        for paths, rights in ((reads, _EXECUTE | _READ | _READ_DIR), (writes, write)):
            for path in paths:
                try:
                    beneath = os.open(path, _O_PATH | os.O_CLOEXEC)
                except FileNotFoundError:
                    continue
                allowed = rights if path.is_dir() else rights & (_EXECUTE | _READ | _WRITE | _TRUNCATE)
                rule = struct.pack("=Qi", allowed, beneath)
                added = kernel.syscall(_ADD_RULE, ruleset, 1, rule, 0)
                os.close(beneath)
                if added:
                    return False
        restricted: int = kernel.syscall(_RESTRICT_SELF, ruleset, 0)
        return restricted == 0
    finally:
        os.close(ruleset)
