"""Real servers on loopback: a webhook that keeps what it gets, and a mail server that takes letters."""

import json
import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Webhook:
    """What came in, and how it answers: a status for each request in turn, the last one for the rest."""

    def __init__(self):
        self.messages: list[dict] = []
        self.paths: list[str] = []
        self.answers: list[int] = [200]
        self.wait = threading.Event()
        self.wait.set()
        self.asked = threading.Event()
        self.port = 0

    def url(self, path="hook/SECRETTOKEN"):
        return f"json://127.0.0.1:{self.port}/{path}"


@contextmanager
def webhook():
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hook.asked.set()
            hook.wait.wait(60)
            status = hook.answers.pop(0) if len(hook.answers) > 1 else hook.answers[0]
            hook.paths.append(self.path)
            if status == 200:
                hook.messages.append(body)
            try:
                self.send_response(status)
                self.end_headers()
            except OSError:
                pass

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        hook.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield hook
        finally:
            hook.wait.set()
            server.shutdown()
            thread.join()


class MailServer:
    """Letters that were taken. ``refuses``: the answer to every letter, instead of taking it."""

    def __init__(self):
        self.letters: list[str] = []
        self.recipients: list[str] = []
        self.refuses = ""
        self.port = 0


@contextmanager
def mail_server():
    """As much of SMTP as smtplib needs to hand a letter over."""
    mail = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self._say("220 test")
            for raw in self.rfile:
                line = raw.decode().strip()
                word = line[:4].upper()
                if word == "RCPT":
                    mail.recipients.append(line)
                if word == "DATA":
                    if mail.refuses:
                        self._say(mail.refuses)
                        continue
                    self._say("354 go on")
                    letter = b""
                    while not letter.endswith(b"\r\n.\r\n"):
                        letter += self.rfile.readline()
                    mail.letters.append(letter.decode())
                    self._say("250 taken")
                elif word == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok")

        def _say(self, line):
            self.wfile.write(f"{line}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        mail.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield mail
        finally:
            server.shutdown()
            thread.join()
