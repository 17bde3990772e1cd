import { CosmictronClient } from "@cosmictron/client";
import { CosmictronProvider } from "@cosmictron/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import "./style.css";

const client = new CosmictronClient(import.meta.env.VITE_COSMICTRON_URL ?? "ws://127.0.0.1:3000");
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no #root");
createRoot(root).render(
  <StrictMode>
    <CosmictronProvider client={client}>
      <App />
    </CosmictronProvider>
  </StrictMode>,
);
