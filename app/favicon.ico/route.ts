import { connection } from 'next/server';
import { drawIconPng } from '@/app/brand/icon/draw-icon';
import { servePicture } from '@/app/brand/serve-picture';

const size = 32;

/** The icon of the site where it is asked for without a page: one PNG in an ICO file. */
export async function GET(): Promise<Response> {
  await connection();
  return servePicture(wrapInIco(await drawIconPng(size, { whole: false })), 'image/x-icon');
}

/** An ICO file is a directory of pictures, here of one, and the pictures, which may be PNG files. */
function wrapInIco(png: Buffer): Buffer<ArrayBuffer> {
  const directory = Buffer.alloc(22);
  directory.writeUInt16LE(1, 2); // This is an icon, no cursor,
  directory.writeUInt16LE(1, 4); // with one picture
  directory.writeUInt8(size, 6);
  directory.writeUInt8(size, 7);
  directory.writeUInt16LE(1, 10); // of one plane
  directory.writeUInt16LE(32, 12); // and 32 bits a pixel.
  directory.writeUInt32LE(png.length, 14);
  directory.writeUInt32LE(directory.length, 18);
  return Buffer.concat([directory, png]);
}
