import { type Expression, parse } from 'luaparse';

/** A Lua table as Fusion writes settings: named fields and entries by number; `Kind { … }` has its kind under `kind`. */
export type LuaTable = { readonly kind?: string; readonly fields: ReadonlyMap<string, LuaValue> };
export type LuaValue = string | number | boolean | LuaTable;

/** Reads a file that is one Lua table. @throws for text that is not Lua */
export const parseLuaTable = (text: string): LuaTable => {
	const [statement] = parse(`return ${text}`, { comments: false }).body;
	if (statement?.type !== 'ReturnStatement' || statement.arguments.length !== 1) {
		throw new Error('Expected one table.');
	}
	const value = luaValue(statement.arguments[0]!);
	if (typeof value !== 'object') {
		throw new Error('Expected a table.');
	}
	return value;
};

const luaValue = (node: Expression): LuaValue => {
	switch (node.type) {
		case 'StringLiteral':
			return node.raw.slice(1, -1);
		case 'NumericLiteral':
		case 'BooleanLiteral':
			return node.value;
		case 'UnaryExpression':
			return -Number(luaValue(node.argument));
		case 'TableCallExpression': {
			const { base } = node;
			const kind = base.type === 'Identifier' ? base.name : base.type === 'CallExpression' ? 'ordered' : '';
			return { ...(luaValue(node.arguments as unknown as Expression) as LuaTable), kind };
		}
		case 'TableConstructorExpression': {
			const fields = new Map<string, LuaValue>();
			let next = 1;
			for (const field of node.fields) {
				const key =
					field.type === 'TableKeyString'
						? field.key.name
						: field.type === 'TableKey'
							? String(luaValue(field.key))
							: String(next++);
				if (fields.has(key)) {
					throw new Error(`"${key}" is there twice.`);
				}
				fields.set(key, luaValue(field.value));
			}
			return { fields };
		}
		default:
			throw new Error(`${node.type} is not expected in a setting.`);
	}
};

/** Follows names into tables. @throws when one is not there */
export const within = (table: LuaValue, ...path: readonly (string | number)[]): LuaValue =>
	path.reduce<LuaValue>((value, name) => {
		const next = typeof value === 'object' ? value.fields.get(String(name)) : undefined;
		if (next === undefined) {
			throw new Error(`There is no ${name} of ${path.join('.')}.`);
		}
		return next;
	}, table);
