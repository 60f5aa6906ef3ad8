"""Disks for tests that are small, lose their power, or fail when they are told to."""

import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SHUT_DOWN = (2 << 30) | (4 << 16) | (ord("X") << 8) | 125  # FS_IOC_SHUTDOWN
WITHOUT_FLUSH = 2

LIBRARY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What stands in $BAD_DISK/NAME, if there is such a file: its length, or -1. */
static int told(const char *name, char *text, int room) {
    char path[4096];
    const char *folder = getenv("BAD_DISK");
    if (!folder) return -1;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int got = read(fd, text, room - 1);
    close(fd);
    text[got < 0 ? 0 : got] = 0;
    return got;
}

static int ends(int fd, const char *end) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int got = readlink(link, path, sizeof path - 1);
    int length = strlen(end);
    if (got < length) return 0;
    path[got] = 0;
    return strcmp(path + got - length, end) == 0;
}

static int bad_sync(int fd) {
    char text[256];
    if (told("slow-sync", text, sizeof text) > 0) usleep(atoi(text) * 1000);
    if (told("fail-sync", text, sizeof text) > 0 && ends(fd, text)) { errno = EIO; return -1; }
    return 0;
}

static int bad_write(int fd) {
    char text[256];
    if (told("read-only", text, sizeof text) < 0) return 0;
    if (!ends(fd, ".db") && !ends(fd, ".db-wal")) return 0;
    errno = EROFS;
    return -1;
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    return bad_sync(fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    return bad_sync(fd) ? -1 : real(fd);
}

ssize_t pwrite(int fd, const void *from, size_t count, off_t at) {
    ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");
    return bad_write(fd) ? -1 : real(fd, from, count, at);
}

ssize_t pwrite64(int fd, const void *from, size_t count, off64_t at) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    return bad_write(fd) ? -1 : real(fd, from, count, at);
}
"""


@dataclass(frozen=True)
class BadDisk:
    """A disk that fails from one moment on: slow-sync (ms), fail-sync (files that end so), read-only."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "BadDisk":
        """Compiles what stands between a server and its disk."""
        folder.mkdir()
        (folder / "bad.c").write_text(LIBRARY)
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", "bad.so", "bad.c", "-ldl"]
        subprocess.run(command, cwd=folder, check=True)
        return cls(folder)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a server is started with."""
        return {"LD_PRELOAD": str(self.folder / "bad.so"), "BAD_DISK": str(self.folder)}

    def begin(self, fault: str, what: str = "") -> None:
        """The fault is there from now on."""
        begun = self.folder / "begun"
        begun.write_text(what)
        begun.rename(self.folder / fault)

    def end(self, fault: str) -> None:
        """The disk is well again."""
        (self.folder / fault).unlink()


def _may_mount(command: Sequence[str | Path]) -> None:
    """Root in a container may not."""
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")


@contextmanager
def small_disk(path: Path, size: str = "4m") -> Iterator[Path]:
    """A disk of so little room; needs root."""
    path.mkdir()
    _may_mount(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path])
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def fill(disk: Path) -> None:
    """Writes until there is no room left."""
    with (disk / "filler").open("ab", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)) == 4096:
                pass
        except OSError:
            return


def free(disk: Path) -> None:
    """Makes room again."""
    (disk / "filler").unlink()


class Ext4:
    """A disk of its own, in a file; needs root and mkfs.ext4."""

    def __init__(self, folder: Path) -> None:
        self._image = folder / "image"
        self.path = folder / "disk"
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(64 * 2**20)
        subprocess.run(["mkfs.ext4", "-q", self._image], check=True)

    @property
    def mounting(self) -> Sequence[str | Path]:
        """The command that puts it in place; nothing becomes durable that nobody asked to."""
        return ["mount", "-o", "loop,errors=remount-ro,commit=600", self._image, self.path]

    def mount(self) -> None:
        """Puts it in place; after a power cut its own log is played."""
        subprocess.run(self.mounting, check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", self.path], check=True)

    def settle(self) -> None:
        """What was written so far outlives a power cut."""
        subprocess.run(["sync", "-f", self.path], check=True)

    def cut_the_power(self) -> None:
        """What was not made durable is gone: nothing more reaches the disk, and its cache is forgotten."""
        opened = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(opened, SHUT_DOWN, struct.pack("I", WITHOUT_FLUSH))
        finally:
            os.close(opened)

    def turn_read_only(self) -> None:
        """As the system does with a disk that it found damaged."""
        subprocess.run(["mount", "-o", "remount,abort", self.path], check=False)


@contextmanager
def ext4(folder: Path) -> Iterator[Ext4]:
    """A disk in place, and gone afterwards."""
    disk = Ext4(folder)
    _may_mount(disk.mounting)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk.path], check=False, capture_output=True)
