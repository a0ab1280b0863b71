/** Lower case without diacritics, `đ` as `d`, one space between words: what search compares. */
export function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/[đĐ]/g, "d")
    .toLowerCase()
    .replace(/[\s\-_.,]+/g, " ")
    .trim();
}

/** A test for a folded text: every word of the query must occur in it. */
export function matcher(query: string): (folded: string) => boolean {
  const words = fold(query).split(" ").filter(Boolean);
  return (folded) => words.every((word) => folded.includes(word));
}

/** The name of a place as topics carry it: `Phường Bến Thành` → `phuong-ben-thanh`. */
export function slug(title: string): string {
  return fold(title).replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}
