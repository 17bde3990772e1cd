/** Signing up and in, and choosing a name. */
import { type FormEvent, useState } from "react";
import { useClient, useReducer } from "./live";

export function SignIn() {
  const client = useClient();
  const [isNew, setNew] = useState(false);
  const [error, setError] = useState("");
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const credentials = { email: String(form.get("email")), password: String(form.get("password")) };
    try {
      setError("");
      await (isNew ? client.signUp(credentials) : client.signIn(credentials));
    } catch (error) {
      setError((error as Error).message);
    }
  }
  const title = isNew ? "Create account" : "Sign in";
  return (
    <main className="door">
      <form onSubmit={submit}>
        <h1>Chat</h1>
        <label>E-mail<input name="email" type="email" autoComplete="email" required /></label>
        <label>Password<input name="password" type="password" minLength={6} required
          autoComplete={isNew ? "new-password" : "current-password"} /></label>
        <p role="alert" className="error">{error}</p>
        <button type="submit">{title}</button>
        <button type="button" className="quiet" onClick={() => setNew(!isNew)}>
          {isNew ? "I have an account" : "I am new here"}
        </button>
      </form>
    </main>
  );
}

export function NamePrompt() {
  const setName = useReducer("set_name");
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    // Why it failed is shown below.
    setName({ name: String(new FormData(event.currentTarget).get("name")) }).catch(() => {});
  };
  return (
    <main className="door">
      <form onSubmit={submit}>
        <h1>What are you called?</h1>
        <label>Name<input name="name" maxLength={40} autoComplete="nickname" required autoFocus /></label>
        <p role="alert" className="error">{setName.error?.detail}</p>
        <button type="submit" disabled={setName.isPending}>Go on</button>
      </form>
    </main>
  );
}
