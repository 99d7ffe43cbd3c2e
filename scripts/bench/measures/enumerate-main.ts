import { buildTables } from '../guests/synthetic-tables.ts';
import { enumerateOnce } from './enumerate-tables.ts';

/*
 * A process of its own for the enumeration of 64 GiB in 4 KB pages, so that its peak memory is its own. Says the
 * entries per second of each pass, a JSON array, and with it the peak memory beside the tables.
 */

const PAGE_TABLES = 32_768;
const PASSES = 7;

const tables = buildTables(PAGE_TABLES);
const entriesPerSecond = Array.from({ length: PASSES }, () => enumerateOnce(tables));
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ entriesPerSecond, otherMiB: (peakBytes - tables.memory.length) / 2 ** 20 }));
