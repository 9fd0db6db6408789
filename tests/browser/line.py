"""The page's connection to the server, which a test can disturb."""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, WebSocketRoute, expect


class Line:
    """The page's connection to the server. A test can drop or repeat each frame, or cut the connection."""

    def __init__(self, page: Page) -> None:
        self.is_down = False
        #: Takes a server frame and returns how often the page receives it.
        self.copies: Callable[[dict[str, Any]], int] = lambda frame: 1
        self.sockets: list[WebSocketRoute] = []
        page.route_web_socket("**/ws/", self._opened)
        page.reload()
        expect(page.locator("main")).to_have_attribute("data-connection", "online")

    def _opened(self, socket: WebSocketRoute) -> None:
        if self.is_down:
            socket.close(code=4409)
            return
        self.sockets.append(socket)
        server = socket.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            for _ in range(self.copies(json.loads(text))):
                socket.send(text)

        server.on_message(pass_on)

    def cut(self) -> None:
        self.sockets[-1].close(code=4409)
