// Which of several versions of a conversation is shown. Pure: knows what the server tells of forks.

/**
 * @typedef {{after: string | null, runs: string[], shown: string}} Fork  the runs that go on behind the message `after`,
 *   the oldest first, and the one of them that is in the shown branch
 */

/** Return a text that is another one exactly if another branch is shown. */
export function branchOf({ forks = [] }) {
  return JSON.stringify(forks.map(({ after, shown }) => [after, shown]));
}

/**
 * Return the forks at a run: `question` where there are several versions of what was asked, `answer` where the same
 * was answered several times; null where there is but one.
 * @param {{id: string, parent_id?: string | null, begins?: string}} run
 * @param {Fork[]} forks
 */
export function forksOf({ id, parent_id: parent, begins = "" }, forks) {
  const here = forks.filter(({ shown }) => shown === id);
  const hasQuestion = begins === "" || begins === "branch";
  const question = hasQuestion ? here.find(({ after }) => after === (parent ?? null)) : undefined;
  return { question: question ?? null, answer: here.find((fork) => fork !== question) ?? null };
}
