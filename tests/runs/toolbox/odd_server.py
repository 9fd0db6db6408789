"""An MCP server over stdio that does not keep to the protocol: ``python odd_server.py [TOOLS]``.

``TOOLS`` is the JSON of the list of tools; without it, there is none. A tool's name says what the tool does.
"""

import json
import os
import sys
import time
from typing import Any

LINES: dict[str, str] = {
    # Half of a character, as servers make it that cut text in JavaScript.
    "half": '{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"cut \\ud83d, and more"}]}}',
    "low_half": '{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"\\\\ud83d \\udca9!"}]}}',
    "no_object": '{"jsonrpc":"2.0","id":ID,"result":["a list"]}',
    "text_code": '{"jsonrpc":"2.0","id":ID,"error":{"code":"BROKEN","message":"The pump is broken."}}',
    "text_error": '{"jsonrpc":"2.0","id":ID,"error":"The pump is broken."}',
    "nobodys_error": '{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"The pump is broken."}}',
    "text_id": '{"jsonrpc":"2.0","id":"ID","result":{"content":[{"type":"text","text":"named by text"}]}}',
    "broken_off": '{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","te',
    "broken_without_id": '{"jsonrpc":"2.0","result":{"content":[{"type":"te',
    "whole_float": '{"jsonrpc":"2.0","id":ID.0,"result":{"content":[{"type":"text","text":"a float"}]}}',
    "marked": '\ufeff{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"marked"}]}}',
    "noise": 'Starting\n{"level":"info","id":ID}\n{not json\n'
    '{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"after noise"}]}}',
    "late": '{"jsonrpc":"2.0","id":99,"result":{}}\n{"jsonrpc":"2.0","id":ID,"result":{}}',
    "prefixed": '[INFO] {x} {"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"after words"}]}}',
    "coloured": '\x1b[32m{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"in colour"}]}}\x1b[0m',
    "two_in_a_line": '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"first"}}'
    '{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"second"}]}}',
    "batch": '[{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"in a batch"}]}}]',
    "control": '{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"a\tb"}]}}',
    "plain_text": '{"jsonrpc":"2.0","id":ID,"result":"plain"}',
    "bare_error": '{"error":"The pump is broken."}',
    "detailed": '{"jsonrpc":"2.0","id":ID,"error":{"code":-32603,"message":"Internal error","data":"The pump is broken."}}',
    "unstructured": '{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"no number"}]}}',
}

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def send(message: Any) -> None:
    write(json.dumps({"jsonrpc": "2.0", **message}))


def write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def flood(number: int, megabytes: int, id_stands: str) -> None:
    """Answer with a line of ``megabytes``; ``id_stands`` says where its id is."""
    text = "x" * megabytes * 2**20
    result = {"result": {"content": [{"type": "text", "text": text, "id": 0}]}}
    match id_stands:
        case "first":
            send({"id": number, **result})
        case "last":
            write(json.dumps({**result, "jsonrpc": "2.0", "id": number}))
        case "in a note before":
            send({"method": "notifications/message", "params": {"level": "info", "data": text}})
            send({"id": number, "result": {"content": [{"type": "text", "text": "after the note"}]}})
        case _:
            write(json.dumps(result))


def answer(number: int, name: str, arguments: Any, **_: Any) -> None:
    """Answer a call with an odd line."""
    if name == "flood":
        flood(number, **arguments)
    elif name == "latin":
        text = json.dumps({"jsonrpc": "2.0", "id": number, "result": {"content": "Stra-e"}})
        sys.stdout.flush()
        os.write(1, text.encode().replace(b"-e", b"\xdfe") + b"\n")
    else:
        write(LINES[name].replace("ID", str(number)))


def main() -> None:
    count = 0
    for line in sys.stdin:
        message = json.loads(line)
        number, method = message.get("id"), message["method"]
        match method:
            case "initialize":
                info = {"name": "odd", "version": "1"}
                version = message["params"]["protocolVersion"]
                result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
                send({"id": number, "result": result})
            case "tools/list" if len(sys.argv) > 1:
                send({"id": number, "result": {"tools": json.loads(sys.argv[1])}})
            case "tools/list":
                send({"id": number, "error": {"code": -32603, "message": "There is no list."}})
            case "tools/call" if message["params"]["name"] == "steps":
                token = message["params"]["_meta"]["progressToken"]
                for step in range(1, 5):
                    params = {"progressToken": token, "progress": step, "total": 4, "message": f"step {step}"}
                    send({"method": "notifications/progress", "params": params})
                    time.sleep(0.3)
                send({"id": number, "result": {"content": [{"type": "text", "text": "done"}]}})
            case "tools/call" if message["params"]["name"] == "picture":
                picture = {"type": "image", "data": PNG, "mimeType": "image/png"}
                send({"id": number, "result": {"content": [{"type": "text", "text": "Look:"}, picture]}})
            case "tools/call" if message["params"]["name"] == "count":
                count += 1
                send({"id": number, "result": {"content": [{"type": "text", "text": str(count)}]}})
            case "tools/call":
                answer(number, **message["params"])
            case _ if number is not None:
                send({"id": number, "error": {"code": -32601, "message": "Unknown."}})


if __name__ == "__main__":
    main()
