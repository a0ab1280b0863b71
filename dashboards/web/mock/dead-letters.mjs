// Messages that could not be taken, some of them as nasty as the network brings them.
const iso = (ms) => new Date(ms).toISOString().replace("Z", "000Z");

const CASES = [
  ["out_of_range", "temperature: 512.4 is outside of -10 to 60 Cel", '{"seq":31,"readings":{"temperature":512.4}}'],
  ["undecodable", "expected value at line 1 column 14", '{"readings": {'],
  ["future_time", "time is 3 d 4 h ahead of arrival", '{"time":"2026-11-26T06:00:00Z","readings":{"pm2_5":31}}'],
  ["unknown_unit", "pm2_5: no conversion from mmol to ug/m3", '{"readings":{"pm2_5":{"value":3,"unit":"mmol"}}}'],
  ["undecodable", "not UTF-8", Buffer.from([0xff, 0xfe, 0x00, 0x1b, 0x5b, 0x33, 0x31, 0x6d])],
  ["undecodable", "the topic names no device", '<script>window.__pwned=1</script>\u001b[31mred\u001b[0m'],
];

export function deadLetters(devices) {
  const now = Date.now();
  return Array.from({ length: 64 }, (_, i) => {
    const [reason, detail, payload] = CASES[i % CASES.length];
    const nasty = i % CASES.length === 5;
    const device = nasty ? '<script>window.__pwned=1</script>\u001b[31m' : devices[(i * 7) % devices.length].name;
    return {
      id: 100 + i * 13,
      received: iso(now - (64 - i) * 421_000),
      device,
      topic: `devices/${device}/readings/json`,
      reason,
      detail,
      readings: 1,
      payload: typeof payload === "string" ? payload : null,
      payload_base64: Buffer.from(payload).toString("base64"),
      replayed: null,
    };
  });
}

export function replay(letters, { ids = [], reason, device }, when) {
  const chosen = letters.filter(
    (l) => (!ids.length || ids.includes(l.id)) && (!reason || l.reason === reason) && (!device || l.device === device),
  );
  // What can't be decoded fails again under its number; the rest is stored and gone.
  for (const letter of chosen) {
    if (letter.reason === "undecodable") letter.replayed = when;
    else letters.splice(letters.indexOf(letter), 1);
  }
  return { replayed: chosen.length, until_offset: 1_000_000 };
}
