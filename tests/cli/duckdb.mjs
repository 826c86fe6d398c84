// Runs the SQL of standard input with the npm package @duckdb/node-api, and prints rows as "duckdb -csv -noheader" does.
// Where that package is: DUCKDB_NODE names the folder node_modules.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.env.DUCKDB_NODE + "/");
const { DuckDBInstance } = require("@duckdb/node-api");
const connection = await (await DuckDBInstance.create(":memory:")).connect();
const reader = await connection.runAndReadAll(readFileSync(0, "utf8"));
const cell = (value) => (value === null ? "" : /[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
for (const row of reader.getRows()) console.log(row.map(cell).join(","));
