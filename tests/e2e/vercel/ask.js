// Asks one question of a gateway by the Vercel AI SDK, as its job on stdin says, and tells what came of it as JSON.

import { readFileSync } from "node:fs";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const job = JSON.parse(readFileSync(0, "utf8"));
const at = { baseURL: job.baseUrl, apiKey: job.key };
const model = {
  "openai-compatible": () => createOpenAICompatible({ name: "zai", includeUsage: true, ...at })(job.model),
  openai: () => createOpenAI(at).chat(job.model),
  anthropic: () => createAnthropic(at)(job.model),
}[job.client]();

const numbers = z.object({ a: z.number(), b: z.number() });
const tools = {
  add: tool({ description: "Add two numbers.", inputSchema: numbers, execute: ({ a, b }) => a + b }),
  multiply: tool({ description: "Multiply two numbers.", inputSchema: numbers, execute: ({ a, b }) => a * b }),
};
const city = z.object({ city: z.string(), country: z.string(), population: z.number() });

const asked = { model, maxRetries: 0, maxOutputTokens: 4096 };
if (job.image) {
  const content = [{ type: "text", text: "What is this?" }, { type: "image", image: job.image, mediaType: "image/png" }];
  asked.messages = [{ role: "user", content }];
} else {
  asked.system = "Use both tools.";
  asked.prompt = "Add and multiply the numbers 2 and 3.";
}
if (job.tools) Object.assign(asked, { tools, stopWhen: stepCountIs(3) });
if (job.structured) asked.output = Output.object({ schema: city });

const answer = async () => {
  if (!job.streamed) return generateText(asked);
  const stream = streamText({ ...asked, onError: () => {} });
  for await (const part of stream.fullStream) if (part.type === "error") throw part.error;
  return stream;
};

const told = async () => {
  const result = await answer();
  const steps = await result.steps;
  return {
    text: await result.text,
    finish: await result.finishReason,
    object: job.structured ? await result.output : null,
    steps: steps.map((step) => ({
      calls: step.toolCalls.map((call) => [call.toolName, call.input]),
      results: step.toolResults.map((each) => each.output),
      reasoning: step.reasoningText ?? null,
      used: [step.usage.inputTokens, step.usage.outputTokens],
    })),
  };
};

const failed = (error) => ({ error: { name: error.name, status: error.statusCode ?? null, message: error.message } });
console.log(JSON.stringify(await told().catch(failed)));
