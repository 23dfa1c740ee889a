#!/usr/bin/env python3
"""Links to one port of this machine that take as long as a distant host's.

    slow-links.py PORT MILLISECONDS COUNT

Prints COUNT ports of 127.0.0.1, one a line, each of which leads to PORT; what is sent either way arrives half of
MILLISECONDS later, so that a round trip takes that much longer. Ends with its standard input.
"""

import asyncio
import sys


async def carry(reader, writer, delay):
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue()

    async def deliver():
        while (item := await queue.get()) is not None:
            due, chunk = item
            await asyncio.sleep(max(0, due - loop.time()))
            writer.write(chunk)
            await writer.drain()

    delivery = asyncio.ensure_future(deliver())
    try:
        while chunk := await reader.read(65536):
            queue.put_nowait((loop.time() + delay, chunk))
    except ConnectionError:
        pass
    queue.put_nowait(None)
    try:
        await delivery
    except ConnectionError:
        pass
    writer.close()


async def main(port, delay, count):
    async def link(reader, writer):
        # The handshake of TCP is a round trip as well.
        await asyncio.sleep(2 * delay)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, far_writer, delay), carry(far_reader, writer, delay))

    for _ in range(count):
        server = await asyncio.start_server(link, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]) / 2000, int(sys.argv[3])))
