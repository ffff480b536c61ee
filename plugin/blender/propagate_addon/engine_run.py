"""One run of the `propagate` command, watched from threads so that Blender's interface goes on. Knows nothing of Blender."""

import json
import shlex
import shutil
import signal
import subprocess
import sys
import threading


class EngineError(Exception):
    """Why there is no result, as a sentence for the user."""


def split_command(command):
    """The command of the preferences as a list; it may have arguments (`node dist/cli/main.js`)."""
    # On Windows a backslash is part of a path, not an escape.
    parts = [part.strip('"') for part in shlex.split(command, posix=sys.platform != "win32")]
    if not parts:
        raise EngineError("The add-on's preferences name no command; enter the path of propagate there.")
    # `which` also finds propagate.cmd, which Windows does not start by its bare name.
    program = shutil.which(parts[0])
    if program is None:
        raise EngineError(
            f'"{parts[0]}" was not found; install it with "npm install -g --ignore-scripts propagate-video", '
            "or enter its full path in the add-on's preferences."
        )
    return [program, *parts[1:]]


class EngineRun:
    """A started command. `done`, `total` and `finished` may be read at any time from Blender's main thread."""

    def __init__(self, command, arguments):
        self.done = 0
        self.total = None
        self.outputs = []
        self.cancelled = False
        self._last_words = ""
        try:
            self._process = subprocess.Popen(
                [*split_command(command), *arguments, "--json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                # Without this Windows opens a console window over Blender.
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise EngineError(f"The command could not be started: {error}.") from error
        self._threads = [
            threading.Thread(target=self._read_records, daemon=True),
            threading.Thread(target=self._read_messages, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read_records(self):
        for line in self._process.stdout:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if record.get("type") == "progress":
                self.done = record["frame"] + 1
                self.total = record.get("total")
            elif record.get("type") == "done":
                self.outputs = record["outputs"]

    def _read_messages(self):
        for line in self._process.stderr:
            if line.strip():
                self._last_words = line.strip()

    @property
    def finished(self):
        # The readers end after the process: only then the last record is known.
        return self._process.poll() is not None and not any(thread.is_alive() for thread in self._threads)

    @property
    def fraction(self):
        return self.done / self.total if self.total else 0.0

    def wait(self):
        for thread in self._threads:
            thread.join()
        self._process.wait()

    def cancel(self):
        """As Ctrl-C in a terminal: the command removes what is half-written."""
        self.cancelled = True
        if self._process.poll() is None:
            if sys.platform == "win32":
                self._process.terminate()
            else:
                self._process.send_signal(signal.SIGINT)

    def result(self):
        """Paths of the written files.

        Raises EngineError with the command's own sentence when it failed.
        """
        if self._process.returncode == 0 and self.outputs:
            return self.outputs
        raise EngineError(self._last_words.removeprefix("propagate: ") or "The command ended without a result.")
