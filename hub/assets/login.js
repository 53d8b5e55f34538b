// A login link carries its token behind "#": take it out of the address, and sign in with it. In a
// tab that shows this page already, following the link changes only what is behind "#".
"use strict";
function signIn() {
  const match = /^#token=(cw_[A-Za-z0-9_-]{43})$/.exec(location.hash);
  if (match) {
    history.replaceState(null, "", location.pathname + location.search);
    document.getElementById("token").value = match[1];
    document.getElementById("login").submit();
  }
}
signIn();
addEventListener("hashchange", signIn);
