#!/usr/bin/env node
import { runLogship } from "./src/cli/commands.ts";

const { argv, env, stdout, stderr } = process;
process.exitCode = await runLogship({ argv: argv.slice(2), env, stdout, stderr });
