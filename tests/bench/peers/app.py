"""The same answers by Starlette: its `def` endpoints run on AnyIO's threads."""
import time

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def inline(request):
    return PlainTextResponse("hello, world\n")


def blocking(request):
    return PlainTextResponse("hello, world\n")


def sleep10(request):
    time.sleep(0.01)
    return PlainTextResponse("hello, world\n")


app = Starlette(routes=[Route("/inline", inline), Route("/blocking", blocking),
                        Route("/sleep10", sleep10)])
