// Asks for a message of another script.
// A script sees its own messages only.
// expect: 200 answer null
export default async ({ message: id }) => (await message(id)) ?? null
