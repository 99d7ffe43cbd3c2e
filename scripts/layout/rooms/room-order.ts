import type { Finding, SourceFile } from '../source-file.ts';
import { findImports } from './find-imports.ts';
import { ROOM_ORDERS } from './room-orders.ts';

/** A folder one below these is a layer. */
const LAYER = /^((?:src|protocols)\/[^/]+)\/(.+)$/;
/** Errors, which every room may have to throw. */
const FIRST = -1;
/** What lies in the layer's own folder and has no place of its own. */
const LAST = Number.POSITIVE_INFINITY;

/** A room imports only rooms that stand before it, and each room has its place. */
export function checkRoomOrder(files: readonly SourceFile[]): Finding[] {
  return [...checkPlaces(files), ...files.flatMap(checkFile)];
}

function checkFile(file: SourceFile): Finding[] {
  const [, layer, name] = LAYER.exec(file.path) ?? [];
  if (layer === undefined || name === undefined) return [];
  const own = placeOf(layer, name);
  if (own === undefined) return [];
  return findImports(file).flatMap(({ target, line }) => {
    const [, targetLayer, targetName] = LAYER.exec(target ?? '') ?? [];
    if (targetLayer !== layer || targetName === undefined) return [];
    const other = placeOf(layer, targetName);
    if (other === undefined || other.rank <= own.rank) return [];
    const problem = `${own.room} may not import ${target}: ${other.room} comes after it (scripts/layout/rooms/room-orders.ts)`;
    return [{ path: file.path, line, problem }];
  });
}

/** A folder of a layer that no order names, once. */
function checkPlaces(files: readonly SourceFile[]): Finding[] {
  const lost = new Set<string>();
  for (const { path } of files) {
    const [, layer, name] = LAYER.exec(path) ?? [];
    if (layer === undefined || name === undefined || !path.endsWith('.ts')) continue;
    if (placeOf(layer, name) === undefined) lost.add(path.slice(0, path.lastIndexOf('/')));
  }
  return [...lost].map((path) => ({
    path,
    line: 0,
    problem: 'has no place in the order of its layer: scripts/layout/rooms/room-orders.ts',
  }));
}

interface Place {
  readonly room: string;
  readonly rank: number;
}

/** Undefined for a folder that is named nowhere. */
function placeOf(layer: string, name: string): Place | undefined {
  const order = ROOM_ORDERS[layer] ?? [];
  for (let room = name; room !== ''; room = room.slice(0, Math.max(0, room.lastIndexOf('/')))) {
    const rank = order.indexOf(room);
    if (rank >= 0) return { room: `${layer}/${room}`, rank };
  }
  if (name === 'errors.ts') return { room: `${layer}/errors.ts`, rank: FIRST };
  return name.includes('/') ? undefined : { room: layer, rank: LAST };
}
