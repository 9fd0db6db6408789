"""Delivers the events of runs to viewers, live or from the event log, in order and without gaps.

The feed receives committed events only: from the journal for runs that this process drives, and from the database for those
of other processes. It hands them to the viewers of each run (``runs.log.viewer``).
"""

import asyncio
import sys
from uuid import UUID

from runs.log.doorbells import Doorbells
from runs.log.followers import Followers
from runs.log.news import News
from runs.log.polling import StatePoll
from runs.log.run_log import Committed
from runs.log.viewer import Channel, Client, Source, Viewer, size_of

#: Seconds for which the first events of a run that another process drives wait for a viewer.
KEPT_OPENING = 2.0
#: Seconds between two queries for the states of the runs that other processes drive.
POLL = 0.3


class Feed:
    """Connects the runs that this process drives or watches with their viewers."""

    def __init__(self, *, poll: float = POLL) -> None:
        """Take the seconds between two queries for the states of runs that other processes drive."""
        self._channels: dict[UUID, Channel] = {}
        self._elsewhere = StatePoll(self._take_state, interval=poll)
        self._news = News(self._read_seq, self._take_news)
        self.followers = Followers()
        self._is_waiting = False
        self.doorbells = Doorbells(lambda: self._elsewhere.run_ids, self._driven_seq)

    def expect(self, run_id: UUID) -> None:
        """Keep the first events of a run that is about to be stored here, until ``open`` or ``close``."""
        self._channels.setdefault(run_id, Channel(0, Source.HERE))

    def open(self, run_id: UUID, conversation_id: UUID) -> None:
        """Begin live delivery of a run that this process drives, and notify its conversation's followers."""
        channel = self._channels.setdefault(run_id, Channel(0, Source.HERE))
        self._set_source(run_id, channel, Source.HERE)
        self.followers.began(conversation_id, run_id)

    def lags(self) -> list[int]:
        """Return for each viewer how many committed events it has not got yet."""
        return [
            max(channel.last_seq - viewer.cursor, 0)
            for channel in self._channels.values()
            for viewer in channel.viewers
        ]

    def close(self, run_id: UUID, *, has_ended: bool) -> None:
        """End live delivery of a run, because this process has stopped driving it.

        Args:
            run_id: the run.
            has_ended: True if the run's end is committed: viewers get the remaining events and finish.
                False if another process must end the run: the feed then polls its state.
        """
        channel = self._channels.get(run_id)
        if channel is None:
            return
        if not channel.viewers:
            del self._channels[run_id]
            return
        self._set_source(run_id, channel, Source.ENDED if has_ended else Source.LOG)
        channel.wake_viewers()

    def hand_over(self, run_id: UUID) -> None:
        """Leave a run that was stored here to another process. Its first events are kept for the viewer of its start."""
        channel = self._channels.setdefault(run_id, Channel(0, Source.HERE))
        self._set_source(run_id, channel, Source.LOG)
        if not channel.viewers:
            asyncio.get_running_loop().call_later(KEPT_OPENING, self._forget_unwatched, run_id, channel)

    def _forget_unwatched(self, run_id: UUID, channel: Channel) -> None:
        is_current = self._channels.get(run_id) is channel
        if is_current and not channel.viewers and channel.source is not Source.HERE:
            del self._channels[run_id]
            self._set_source(run_id, channel, Source.ENDED)

    def publish(self, batch: Committed) -> None:
        """Queue a committed batch for every viewer of its run, and ring where others are."""
        self.doorbells.committed(batch.run_id, batch.last_seq)
        channel = self._channels.get(batch.run_id)
        if channel is None:
            return
        channel.last_seq = batch.last_seq
        channel.opening = batch if batch.first_seq == 1 else None
        channel.published += sum(map(size_of, batch.frames))
        for viewer in channel.viewers:
            viewer.offer(batch)

    def watch(self, run_id: UUID, client: Client, *, after: int, last_seq: int, finished: bool) -> Viewer:
        """Return a new viewer of a run; call its ``start`` to begin delivery.

        Args:
            run_id: the run.
            client: receives the frames.
            after: the seq of the last event that the client has; delivery begins at the next one.
            last_seq: the run's newest seq, as just read from the database.
            finished: whether the run has ended, as just read from the database.
        """
        channel = self._channels.get(run_id)
        if channel is None:
            channel = self._channels[run_id] = Channel(last_seq, Source.ENDED)
            self._set_source(run_id, channel, Source.ENDED if finished else Source.LOG)
        channel.last_seq = max(channel.last_seq, last_seq)
        viewer = Viewer(run_id, channel, client, after, leave=self.leave)
        channel.viewers.add(viewer)
        if channel.opening is not None and not after:
            viewer.offer(channel.opening)
        return viewer

    def tell_waiting(self, is_waiting: bool) -> None:
        """Tell all viewers of runs that have not ended that nothing can be saved now, or that it can be again."""
        self._is_waiting = is_waiting
        for channel in self._channels.values():
            self._tell_waiting(channel)

    def take_stalled(self, run_id: UUID, is_waiting: bool) -> None:
        """Tell the viewers of a run the same of the process that drives it: a worker may be the only one that writes."""
        channel = self._channels.get(run_id)
        if channel is not None and channel.source is Source.LOG:
            channel.is_stalled = is_waiting
            self._tell_waiting(channel)

    def _tell_waiting(self, channel: Channel) -> None:
        is_waiting = self._is_waiting or channel.is_stalled
        if channel.source is not Source.ENDED and channel.is_told_waiting != is_waiting:
            channel.is_told_waiting = is_waiting
            for viewer in channel.viewers:
                viewer.tell("storage_waiting", {"waiting": is_waiting})

    def leave(self, viewer: Viewer) -> None:
        """Remove a viewer, and its channel if it was the last one and this process does not drive the run."""
        channel = viewer.channel
        channel.viewers.discard(viewer)
        self._forget_unwatched(viewer.run_id, channel)

    def _set_source(self, run_id: UUID, channel: Channel, source: Source) -> None:
        channel.source = source
        if source is Source.LOG:
            self._elsewhere.add(run_id)
            self.doorbells.watch(run_id)
        else:
            self._elsewhere.remove(run_id)

    def ring(self, run_id: UUID, last_seq: int) -> None:
        """Take the newest seq of a run from the process that drives it; it may be late, wrong, or of no interest here."""
        channel = self._channels.get(run_id)
        if channel is not None and channel.source is Source.LOG:
            self._take_state(run_id, last_seq, False, channel.is_silent)

    def _driven_seq(self, run_id: UUID) -> int:
        channel = self._channels.get(run_id)
        return channel.last_seq if channel is not None and channel.source is Source.HERE else 0

    def _take_state(self, run_id: UUID, last_seq: int, has_ended: bool, is_silent: bool) -> None:
        """Take the state of a run that another process drives; read what is new of it."""
        channel = self._channels[run_id]
        if is_silent != channel.is_silent and not has_ended:
            channel.is_silent = is_silent
            for viewer in channel.viewers:
                viewer.tell("worker_silent", {"silent": is_silent})
        if last_seq > channel.last_seq:
            if last_seq > channel.heard_seq:
                # Whatever it has said before, it saves now. A bell that is repeated in an outage says nothing of that.
                channel.heard_seq = last_seq
                channel.is_stalled = False
                self._tell_waiting(channel)
            self._news.want(run_id, last_seq)
        elif has_ended:
            channel.last_seq = last_seq
            self._set_source(run_id, channel, Source.ENDED)
            channel.wake_viewers()

    def _read_seq(self, run_id: UUID) -> int:
        channel = self._channels.get(run_id)
        return channel.last_seq if channel is not None and channel.source is Source.LOG else sys.maxsize

    def _take_news(self, run_id: UUID, batches: list[Committed], last_seq: int) -> None:
        """Offer what another process has committed to the viewers of its run."""
        channel = self._channels.get(run_id)
        if channel is None or channel.source is not Source.LOG:
            return
        for batch in batches:
            channel.last_seq = max(channel.last_seq, batch.last_seq)
            for viewer in channel.viewers:
                viewer.offer(batch)
        if channel.last_seq < last_seq:
            # More than one query reads: the viewers read their own pages.
            channel.last_seq = last_seq
            channel.wake_viewers()

    def __len__(self) -> int:
        return len(self._channels)
