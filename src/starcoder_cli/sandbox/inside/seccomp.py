"""Seccomp: which system calls a process and its children may make.

Everything that a compiler or a test needs is allowed; what reaches other processes, the network,
namespaces, keys or the kernel's own workings fails with EPERM. Calls that are newer than this list
fail with ENOSYS, and so does clone3, whose flags a filter cannot see: libraries then use clone.
The numbers are those of Linux's asm/unistd_64.h and asm-generic/unistd.h.
"""

import ctypes
import errno
import struct
from collections.abc import Sequence

from starcoder_cli.sandbox.inside.kernel import PR_SET_DUMPABLE, detect_architecture, prctl

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NEWEST_SYSCALL = 462

LOAD, EQUAL, GREATER, ANY_BIT, MASK, RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
INSTRUCTION_BYTES = 8
NUMBER_OFFSET, ARCHITECTURE_OFFSET, ARGUMENTS_OFFSET = 0, 4, 16

NAMESPACE_FLAGS = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET
CLONE_THREAD = 0x00010000
SOCK_STREAM, SOCK_SEQPACKET, SOCK_TYPE_MASK = 1, 5, 0xF  # datagrams could be sent to others

# Names with their numbers on x86_64 and on aarch64; None if there is no such call.
SyscallTable = dict[str, tuple[int | None, int | None]]
ALWAYS_DENIED: SyscallTable = {
    "setsid": (112, 157),  # all that a program starts stays in its group, which is killed
    "setpgid": (109, 154),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "socket": (41, 198),
    "memfd_create": (319, 279),  # memory that no limit counts
    "memfd_secret": (447, 447),
    "sendmsg": (46, 211),  # files in transit are open in no process
    "sendmmsg": (307, 269),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "quotactl": (179, 60),
    "fanotify_init": (300, 262),
    "vhangup": (153, 58),
    "syslog": (103, 116),
}
# Libraries try these first, and manage if there is no such call.
REPORTED_MISSING: SyscallTable = {
    "clone3": (435, 435),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
}
# What Landlock has no rule for: attributes of files outside.
ATTRIBUTE_SYSCALLS: SyscallTable = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "truncate": (76, 45),
    "inotify_add_watch": (254, 27),
}
SIGNAL_SYSCALLS: SyscallTable = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}
FORK_SYSCALLS: SyscallTable = {"fork": (57, None), "vfork": (58, None)}
DENIABLE_GROUPS = {
    "attributes": ATTRIBUTE_SYSCALLS,
    "signals": SIGNAL_SYSCALLS,
    "processes": FORK_SYSCALLS,
}
CLONE, SOCKETPAIR, PRLIMIT64, PRCTL = (56, 220), (53, 199), (302, 261), (157, 167)
UTIMENSAT, FCNTL, IOCTL = (280, 88), (72, 25), (16, 29)
F_SETOWN, F_SETOWN_EX, FIOSETOWN, SIOCSPGRP = 8, 15, 0x8901, 0x8902
"""What names the process that gets signals about an open file (fcntl(2), ioctl_tty(2))."""


def instruction(code: int, value: int, jump_true: int = 0, jump_false: int = 0) -> bytes:
    """One instruction of the filter: struct sock_filter."""
    return struct.pack("=HBBI", code, jump_true, jump_false, value)


def fail_with(error: int) -> bytes:
    """End the filter: the call fails with an error."""
    return instruction(RETURN, FAIL | error)


def match_syscall(number: int, *instructions: bytes) -> bytes:
    """Run some instructions for one system call, and skip them for all others."""
    body = b"".join(instructions)
    return instruction(EQUAL, number, 0, len(body) // INSTRUCTION_BYTES) + body


def load_argument(index: int, half: int = 0) -> bytes:
    """Load the lower half of a system call's argument, or the upper one."""
    return instruction(LOAD, ARGUMENTS_OFFSET + 8 * index + 4 * half)


def require_null(index: int, refuse: bytes) -> bytes:
    """Continue only if a pointer is null, in both halves."""
    halves = (load_argument(index, half) + instruction(EQUAL, 0, 1, 0) + refuse for half in (0, 1))
    return b"".join(halves)


def refuse_values(index: int, values: Sequence[int]) -> list[bytes]:
    """Refuse a call if an argument has one of some values."""
    refuse = fail_with(errno.EPERM)
    tests = [instruction(EQUAL, value, 0, 1) + refuse for value in values]
    return [load_argument(index), *tests]


def build_filter(denied: frozenset[str]) -> bytes:
    """The filter for this machine, which also denies the given DENIABLE_GROUPS."""
    machine = detect_architecture()
    column = list(AUDIT_ARCHITECTURES).index(machine)
    tables = (ALWAYS_DENIED, *(DENIABLE_GROUPS[name] for name in sorted(denied)))
    numbers = [row[column] for table in tables for row in table.values()]
    missing = [row[column] for row in REPORTED_MISSING.values()]
    refuse, report = fail_with(errno.EPERM), fail_with(errno.ENOSYS)
    return b"".join(
        (
            instruction(LOAD, ARCHITECTURE_OFFSET),
            instruction(EQUAL, AUDIT_ARCHITECTURES[machine], 1, 0),
            instruction(RETURN, KILL),
            instruction(LOAD, NUMBER_OFFSET),
            instruction(GREATER, NEWEST_SYSCALL, 0, 1),
            report,
            *(match_syscall(number, report) for number in missing if number is not None),
            *(match_syscall(number, refuse) for number in numbers if number is not None),
            *match_arguments(column, denied),
            instruction(RETURN, ALLOW),
        )
    )


def match_arguments(column: int, denied: frozenset[str]) -> list[bytes]:
    """The part of the filter for calls that are allowed or refused by their arguments."""
    allow, refuse = instruction(RETURN, ALLOW), fail_with(errno.EPERM)
    clone = [load_argument(0), instruction(ANY_BIT, NAMESPACE_FLAGS, 0, 1), refuse]
    if "processes" in denied:
        clone += [instruction(ANY_BIT, CLONE_THREAD, 1, 0), refuse]
    # `touch` sets an open file's times to now; there is no path that Landlock would have to allow.
    times = (require_null(1, refuse), require_null(2, refuse)) if "attributes" in denied else ()
    # A process that hides its memory hides its open files too, and these are counted.
    option = (load_argument(0), instruction(EQUAL, PR_SET_DUMPABLE, 0, 1), refuse)
    process = (load_argument(0), instruction(EQUAL, 0, 1, 0), refuse)
    owners = [(FCNTL, (F_SETOWN, F_SETOWN_EX)), (IOCTL, (FIOSETOWN, SIOCSPGRP))]
    socket_kind = (
        load_argument(1),
        instruction(MASK, SOCK_TYPE_MASK),
        instruction(EQUAL, SOCK_STREAM, 2, 0),
        instruction(EQUAL, SOCK_SEQPACKET, 1, 0),
        refuse,
    )
    return [
        match_syscall(call[column], *instructions, allow)
        for call, instructions in (
            (CLONE, clone),
            (PRLIMIT64, process),
            (PRCTL, option),
            (UTIMENSAT, times),
            (SOCKETPAIR, socket_kind),
            *((call, refuse_values(1, each)) for call, each in owners if "signals" in denied),
        )
    ]


def install_filter(denied: frozenset[str]) -> None:
    """Apply the filter to this process and all that it starts; raises OSError if that fails."""
    data = build_filter(denied)
    buffer = ctypes.create_string_buffer(data)

    class Program(ctypes.Structure):
        """struct sock_fprog."""

        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    filter_program = Program(len(data) // INSTRUCTION_BYTES, ctypes.addressof(buffer))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(filter_program))
