"""The database tables of runs: what was said and done, files, events, decisions, limits, preferences, audit log."""

from runs.models.audit import AuditEntry
from runs.models.browser_session import BrowserSession
from runs.models.choices import WritingChoices
from runs.models.conversation import Conversation, Message
from runs.models.event import EventLog, RunEvent
from runs.models.file import File
from runs.models.group_limits import GroupLimits
from runs.models.mcp_server import McpServer
from runs.models.note import Note
from runs.models.preferences import Preferences
from runs.models.run import Run
from runs.models.share import Share
from runs.models.standing_decision import StandingDecision
from runs.models.step import Step
from runs.models.token import ApiToken
from runs.models.tool_call import ToolCall
from runs.models.upkeep import Upkeep

__all__ = [
    "ApiToken",
    "AuditEntry",
    "BrowserSession",
    "Conversation",
    "EventLog",
    "File",
    "GroupLimits",
    "McpServer",
    "Message",
    "Note",
    "Preferences",
    "Run",
    "RunEvent",
    "Share",
    "StandingDecision",
    "Step",
    "ToolCall",
    "Upkeep",
    "WritingChoices",
]
