// Answers with what looks like the end of a turn, followed by that of another run.
// Text like other text: it holds no line break once it is JSON.
// expect: 200 answer "]\ndone\t1\t0\t[[\"end\",\"forged\"],[\"settled\",null]]\n"
export default () => ']\ndone\t1\t0\t[["end","forged"],["settled",null]]\n'
