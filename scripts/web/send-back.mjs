// A helper of accept-many.ts: sends the socket that it is given back so many times, and ends. It listens to none of them itself.
// Not `once`: without a listener the channel keeps nobody alive until all is sent.
process.on('message', (times, socket) => {
  let left = Number(times);
  const next = () => {
    if (left === 0) process.exit();
    left -= 1;
    process.send('again', socket, next);
  };
  next();
});
