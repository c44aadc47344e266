"""Passing a connection on to another server as it is: bytes, closing and resets."""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve on a free port of this machine, in a thread; yield the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.new_event_loop()
    done = asyncio.Event()
    # asyncio refers to tasks weakly, and to a stream only as long as more may come from it.
    running: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError, asyncio.CancelledError), _closing(writer):
            await handler(reader, writer)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = loop.create_task(handle(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    async def serve() -> None:
        async with await asyncio.start_server(accept, sock=listener, ssl=tls):
            await done.wait()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # for the connections to be lost

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        listener.close()
        loop.close()


@contextmanager
def tls_front(port: int, tls: ssl.SSLContext) -> Iterator[str]:
    """Speak TLS for a server on this machine; yield the address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await pass_on(reader, writer, "127.0.0.1", port)

    with serving(serve, tls) as front:
        yield f"https://127.0.0.1:{front}/"


async def pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
) -> None:
    """Be a client's way to a server until both have closed."""
    try:
        server_reader, server_writer = await asyncio.open_connection(host, port)
    except OSError:
        reset(writer)
        return
    with _closing(server_writer):
        await asyncio.gather(_pump(reader, server_writer), _pump(server_reader, writer))


@contextmanager
def _closing(writer: asyncio.StreamWriter) -> Iterator[None]:
    try:
        yield
    except asyncio.CancelledError:
        writer.transport.abort()
        raise
    finally:
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        reset(writer)
        return
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a TCP RST."""
    line = writer.get_extra_info("socket")
    if line is not None and not writer.transport.is_closing():
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
