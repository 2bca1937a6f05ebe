/** The training samples of a run, to be shown. */
import type { MessagesSample } from "../artifacts.ts";
import { readJsonLines } from "../util/fs.ts";

export async function readSamples(messagesFile: string): Promise<MessagesSample[]> {
  const samples: MessagesSample[] = [];
  for await (const row of readJsonLines(messagesFile)) samples.push(row as MessagesSample);
  return samples;
}
