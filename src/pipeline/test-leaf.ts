/** A small leaf for the tests of this folder. */
import type { LeafSeeds } from "../artifacts.ts";

export function testLeaf(): LeafSeeds {
  return {
    leaf: {
      file: "/taxonomy/knowledge/towns/tarn/qna.yaml",
      taxonomyPath: "knowledge->towns->tarn",
      name: "knowledge_towns_tarn",
      kind: "knowledge",
      createdBy: "test",
      domain: "geography",
      documentOutline: "A town",
      seedExamples: [
        {
          context: "Tarn lies on Lake Ossel. Hedda Brann founded Tarn in 1287.",
          pairs: [
            { question: "On which lake does Tarn lie?", answer: "Tarn lies on Lake Ossel." },
            { question: "Who founded Tarn?", answer: "Hedda Brann." },
            { question: "When was Tarn founded?", answer: "In 1287." },
          ],
        },
      ],
      heldOut: [{ question: "How many gates has Tarn?", answer: "seven" }],
    },
    chunks: [
      {
        source: "tarn.md",
        headings: ["Tarn"],
        text: "Tarn is a town on Lake Ossel. It has seven gates. The tower was designed by Marta Quill.",
      },
    ],
  };
}
