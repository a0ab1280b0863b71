// The shapes that the page counts on, against the OpenAPI document that the platform serves.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

interface Schema {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  oneOf?: Schema[];
  allOf?: Schema[];
  additionalProperties?: Schema;
}

const ROOT = join(import.meta.dirname, "..");
const SNAPSHOT = join(ROOT, "../api/tests/api/snapshots/api__contract__openapi_is_as_it_was.snap");
const text = readFileSync(SNAPSHOT, "utf8");
const document = JSON.parse(text.slice(text.indexOf("\n{") + 1)) as {
  paths: Record<string, Record<string, { parameters?: { name: string }[] }>>;
  components: { schemas: Record<string, Schema> };
};
const schemas = document.components.schemas;
const types = readFileSync(join(ROOT, "src/api/types.ts"), "utf8");

/** Interfaces that stand for a schema of another name. */
const NAMES: Record<string, string> = { DeviceReconciliation: "Reconciliation", Page: "Page_Device" };

interface Field {
  name: string;
  optional: boolean;
  type: string;
}

/** The interfaces of a file that are written one field a line. */
function interfacesOf(source: string): Map<string, Field[]> {
  const found = new Map<string, Field[]>();
  for (const [, name = "", body = ""] of source.matchAll(/^export interface (\w+)[^{]*\{\n([^]*?)^\}/gm)) {
    const fields = [...body.matchAll(/^ {2}(\w+)(\??): (.+);$/gm)].map(([, field = "", mark, type = ""]) => ({
      name: field, optional: mark === "?", type,
    }));
    found.set(name, fields);
  }
  return found;
}

/** The words that a schema's type may be written with. */
function kindsOf(schema: Schema): string[] {
  if (schema.$ref) return ["object"];
  const kinds = [schema.type ?? []].flat();
  return [...kinds, ...(schema.oneOf ?? []).flatMap(kindsOf)].map((kind) => (kind === "integer" ? "number" : kind));
}

function kindOfType(part: string): string {
  if (part.endsWith("[]") || part.startsWith("[")) return "array";
  if (/^(string|number|boolean|null)$/.test(part)) return part;
  return part.startsWith('"') || part === "Quality" ? "string" : "object";
}

describe("what the page counts on", () => {
  const interfaces = interfacesOf(types);

  it("is read whole", () => {
    expect(interfaces.get("Device")?.map(({ name }) => name)).toContain("datastreams");
    expect(interfaces.get("Health")).toHaveLength(7);
  });

  for (const [name, fields] of interfaces) {
    it(`${name} is as the platform says`, () => {
      const schema = schemas[NAMES[name] ?? name] as Schema;
      expect(schema, `no schema ${name}`).toBeDefined();
      const shapes = schema.oneOf ?? schema.allOf ?? [schema];
      const properties = Object.assign({}, ...shapes.map((shape) => shape.properties)) as Record<string, Schema>;
      const required = shapes.flatMap((shape) => shape.required ?? []);
      for (const field of fields) {
        const property = properties[field.name];
        expect(property, `${name}.${field.name} is not in the document`).toBeDefined();
        const kinds = kindsOf(property as Schema);
        for (const part of field.type.split(" | ").map((each) => kindOfType(each))) {
          expect(kinds, `${name}.${field.name}: ${field.type}`).toContain(part);
        }
        // Lists by device name the device, which the schema shares with the platform's figures.
        if (field.optional || (name === "DeviceReconciliation" && field.name === "device")) continue;
        const sure = required.includes(field.name) || /\bnull\b/.test(field.type);
        expect(sure, `${name}.${field.name} may be absent or null`).toBe(true);
      }
    });
  }

  it("is asked for under addresses and with parameters that exist", () => {
    const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => readFileSync(join(ROOT, "src", file), "utf8"))
      .join("\n");
    const asked = new Set([...sources.matchAll(/["`](\/api\/v1\/[a-z-]+(?:\/[a-z]+)?)/g)].map(([, path]) => path as string));
    expect(asked.size).toBeGreaterThan(6);
    for (const path of asked) expect(document.paths, path).toHaveProperty([path]);
    const asks: Record<string, string[]> = {
      "/api/v1/devices": ["limit", "cursor"],
      "/api/v1/latest": ["property", "device", "limit", "cursor"],
      "/api/v1/live": ["property", "device"],
      "/api/v1/series": ["device", "datastream", "from", "to", "points"],
      "/api/v1/readings": ["device", "datastream", "from", "to", "format"],
      "/api/v1/reconciliation": ["by", "limit", "cursor"],
      "/api/v1/dead-letters": ["reason", "device", "order", "from", "to", "limit", "cursor"],
    };
    for (const [path, names] of Object.entries(asks)) {
      const known = document.paths[path]?.["get"]?.parameters?.map(({ name }) => name);
      expect(known, path).toEqual(expect.arrayContaining(names));
    }
  });
});
