// Awaits a promise that nobody settles.
// Ended by the time limit of a run.
// expect: 504 script_timeout limit=wall
// needs: wallMs=1000
export default async () => {
  await storage.get('key')
  await new Promise(() => {})
}
