/**
 * Older data sets write a whole conversation as one text with the role `pretraining`, its turns behind role tags of the Granite and
 * Merlinite templates. Every word of it is to be learned, as in today's samples with `unmask`.
 */

export interface PretrainingTurn {
  role: string;
  content: string;
}

const ROLE_TAG = /<\|(system|user|assistant)\|>\n?|<\|start_of_role\|>(system|user|assistant)<\|end_of_role\|>\n?/g;
/** What those templates write behind a turn: an end token, a line break, or both. */
const TURN_END = /(?:<\|endoftext\|>|<\|end_of_text\|>)?\n?$/;

/** The turns of such a text; `undefined` for a text that does not begin with a role tag, which is an ordinary document. */
export function readPretrainingTurns(text: string): PretrainingTurn[] | undefined {
  const tags = [...text.matchAll(ROLE_TAG)];
  if (tags.length === 0 || text.slice(0, tags[0]!.index).trim() !== "") return undefined;
  return tags.map((tag, i) => ({
    role: (tag[1] ?? tag[2])!,
    content: text.slice(tag.index + tag[0].length, tags[i + 1]?.index).replace(TURN_END, ""),
  }));
}
