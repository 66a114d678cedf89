// The app as `npm start` starts it, which also ends when the test run that started it is gone.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));

await import('../../scripts/start');

export {};
