// The smallest useful block: it asks the teacher about every row.

export default {
  type: "ShoutBlock",
  create({ column = "question" }) {
    return {
      inputColumns: [column],
      outputColumns: (columns) => [...columns, "shouted"],
      async runRow(row, context) {
        const { text } = await context.ask({
          prompt: { messages: [{ role: "user", content: `Write this in capital letters:\n${row[column]}` }] },
          maxTokens: 200,
        });
        if (text.trim() === "") {
          context.drop(row, "the teacher said nothing");
          return [];
        }
        return [{ ...row, shouted: text.trim() }];
      },
    };
  },
};
