/** Writes small zip archives for tests, with the variants that real ones have. */
import { crc32, deflateRawSync } from "node:zlib";

export interface ZipMember {
  name: string;
  content: Buffer;
  /** Packed by deflate unless stored. */
  isStored?: boolean;
  /** Sizes and offset in the zip64 extra field, as archives beyond 4 GiB have them. */
  isZip64?: boolean;
  /** Only the offset in the zip64 extra field, as small members behind 4 GiB have it. */
  hasZip64Offset?: boolean;
  /** Values that do not fit the content. */
  declaredBytes?: number;
  declaredCrc?: number;
  isEncrypted?: boolean;
}

export function makeZip(members: readonly ZipMember[], { isZip64 = false, comment = "" } = {}): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  const push = (piece: Buffer) => {
    pieces.push(piece);
    offset += piece.length;
  };
  for (const member of members) {
    const headerOffset = offset;
    const name = Buffer.from(member.name);
    const packed = member.isStored ? member.content : deflateRawSync(member.content);
    const size = member.declaredBytes ?? member.content.length;
    const crc = member.declaredCrc ?? crc32(member.content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(45, 0);
    common.writeUInt16LE(member.isEncrypted ? 1 : 0, 2);
    common.writeUInt16LE(member.isStored ? 0 : 8, 4);
    common.writeUInt32LE(crc, 10);
    common.writeUInt32LE(member.isZip64 ? 0xffffffff : packed.length, 14);
    common.writeUInt32LE(member.isZip64 ? 0xffffffff : size, 18);
    common.writeUInt16LE(name.length, 22);
    const wideFields = member.isZip64
      ? [size, packed.length, headerOffset]
      : member.hasZip64Offset
        ? [headerOffset]
        : [];
    const extra = wideFields.length > 0 ? zip64Extra(wideFields) : Buffer.alloc(0);
    common.writeUInt16LE(extra.length, 24);
    push(Buffer.concat([signature(0x04034b50), common, name, extra, packed]));
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(member.isZip64 || member.hasZip64Offset ? 0xffffffff : headerOffset, 10);
    directory.push(Buffer.concat([signature(0x02014b50), Buffer.from([45, 0]), common, tail, name, extra]));
  }
  const directoryOffset = offset;
  const directoryBytes = Buffer.concat(directory);
  push(directoryBytes);
  if (isZip64) {
    const recordOffset = offset;
    const record = Buffer.alloc(52);
    record.writeBigUInt64LE(44n, 0);
    record.writeBigUInt64LE(BigInt(directoryBytes.length), 36);
    record.writeBigUInt64LE(BigInt(directoryOffset), 44);
    push(Buffer.concat([signature(0x06064b50), record]));
    const locator = Buffer.alloc(16);
    locator.writeBigUInt64LE(BigInt(recordOffset), 4);
    push(Buffer.concat([signature(0x07064b50), locator]));
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(members.length, 4);
  end.writeUInt16LE(members.length, 6);
  end.writeUInt32LE(isZip64 ? 0xffffffff : directoryBytes.length, 8);
  end.writeUInt32LE(isZip64 ? 0xffffffff : directoryOffset, 12);
  end.writeUInt16LE(comment.length, 16);
  push(Buffer.concat([signature(0x06054b50), end, Buffer.from(comment)]));
  return Buffer.concat(pieces);
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function zip64Extra(values: number[]): Buffer {
  const extra = Buffer.alloc(4 + values.length * 8);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(values.length * 8, 2);
  values.forEach((value, index) => {
    extra.writeBigUInt64LE(BigInt(value), 4 + index * 8);
  });
  return extra;
}
