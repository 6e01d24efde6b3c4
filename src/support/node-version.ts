// Imported first: on a Node too old for this package the reader gets one sentence. (Form to be settled by the version test.)
export {}
