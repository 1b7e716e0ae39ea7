"""A server that misbehaves, by path: `python hostile.py PORT`. It speaks just enough HTTP."""

import asyncio
import json
import os
import sys

LEAK: list[bytearray] = []
SERVED = {"limited": 0, "fickle": 0}
OPERATIONS = int(os.environ.get("HOSTILE_OPERATIONS", "0"))


def answer(status: int, body: bytes = b"{}", *headers: str) -> bytes:
    """A whole answer, kept alive."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def description() -> dict[str, object]:
    """An OpenAPI description of as many operations as were asked for."""
    operation = {"responses": {"404": {"description": "missing"}}}
    paths = {f"/many/{number}": {"get": operation} for number in range(OPERATIONS)}
    return {"openapi": "3.1.0", "info": {"title": "many", "version": "1"}, "paths": paths}


async def hang(writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    del writer
    await asyncio.sleep(3600)


async def garbage(writer: asyncio.StreamWriter) -> None:
    """No HTTP."""
    writer.write(b"\x00\xffnot HTTP at all\r\n\r\n")
    writer.close()


async def drops(writer: asyncio.StreamWriter) -> None:
    """Close without an answer."""
    writer.close()


async def drip(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, of a body that is never complete."""
    writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 1000000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.1)


async def endless(writer: asyncio.StreamWriter) -> None:
    """A body without an end."""
    writer.write(b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        await writer.drain()


async def limited(writer: asyncio.StreamWriter) -> None:
    """A rate limit: three errors, then 429."""
    SERVED["limited"] += 1
    writer.write(answer(404 if SERVED["limited"] <= 3 else 429))


async def fickle(writer: asyncio.StreamWriter) -> None:
    """An error every other time."""
    SERVED["fickle"] += 1
    writer.write(answer(404 if SERVED["fickle"] % 2 else 200))


async def fast_leak(writer: asyncio.StreamWriter) -> None:
    """4 MiB with each request."""
    LEAK.append(bytearray(4 << 20))
    writer.write(answer(500))


async def elsewhere(writer: asyncio.StreamWriter) -> None:
    """A redirect to another machine."""
    writer.write(answer(302, b"", "Location: http://192.0.2.1/"))


async def no_schema(writer: asyncio.StreamWriter) -> None:
    """JSON that describes nothing."""
    writer.write(answer(200, b'{"hello": "world"}'))


async def schema(writer: asyncio.StreamWriter) -> None:
    """The description, if there are operations."""
    writer.write(answer(200, json.dumps(description()).encode()) if OPERATIONS else answer(404))


async def unknown(writer: asyncio.StreamWriter) -> None:
    """An ordinary error."""
    writer.write(answer(404))


async def slow(writer: asyncio.StreamWriter) -> None:
    """An ordinary error, after a tenth of a second."""
    await asyncio.sleep(0.1)
    writer.write(answer(404))


KINDS = {
    f"/{one.__name__.replace('_', '-')}": one
    for one in (hang, garbage, drops, drip, endless, limited, fickle, fast_leak, elsewhere, no_schema, slow)
} | {"/openapi.json": schema}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection."""
    try:
        while line := await reader.readline():
            length = 0
            while (header := await reader.readline()).strip():
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            await reader.readexactly(length)
            await KINDS.get(line.split()[1].decode(), unknown)(writer)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError, IndexError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Listen for ever."""
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    async with server:
        await server.serve_forever()


asyncio.run(main())
